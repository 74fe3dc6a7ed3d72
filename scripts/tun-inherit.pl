#!/usr/bin/perl
# tun-inherit.pl NAME COMMAND [ARG ...]: opens the TUN device NAME without offloads and becomes COMMAND, which finds the
# open file's number in GSCIP_TUN_FD, or the name of the error (EBUSY). For machines where the C++ addon is missing:
# JavaScript alone has no ioctl.
use strict;
use warnings;
use Errno;
use Fcntl;

my ($name, @command) = @ARGV;
die "usage: tun-inherit.pl NAME COMMAND [ARG ...]\n" unless @command;
$^F = 255;    # keep the file open across exec
my $IFF_TUN   = 0x0001;
my $IFF_NO_PI = 0x1000;
my $TUNSETIFF = 0x400454ca;
my $request = pack('a16 s x22', $name, $IFF_TUN | $IFF_NO_PI);
my $tun;
my $good = sysopen($tun, '/dev/net/tun', O_RDWR) && ioctl($tun, $TUNSETIFF, $request);
$ENV{GSCIP_TUN_FD} = $good ? fileno($tun) : (grep { $!{$_} } keys %!)[0] // "error $!";
exec { $command[0] } @command or die "cannot run $command[0]: $!\n";
