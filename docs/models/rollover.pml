/* Group-key rollover: one pair of members (0,1), one group, one GMS.
 * protocol.md 2.5, 3, 10. SAs have ids; packets and handshake messages are in flight in
 * channels; an RX SA closes by its cap only (never by an oracle); R switches TX at once after MPIT
 * when it has no other SA; same-version rekey; both ends may be start GE (crossing); removal of member 1.
 * Time is abstract: an SA ages YOUNG -> OLD (TX stopped, 175 s) -> closed (RX cap, 185 s).
 * The caps are chosen so that an RX SA outlives the peer's TX by more than a packet's flight
 * (protocol.md 3.1): modelled by closing RX of an SA only when TX has stopped at both ends, in either
 * order, and none of its packets is under way. That the numbers keep this is not modelled.   */
/* Run: spin -a [-DNSA=5] [-DVMAX=3] [-DNOREMOVAL] [-DFAULT_x] rollover.pml;
 *      gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c; ./pan -m1000000
 * Seeded faults, each must end in a violated assertion: FAULT_RX_LATE FAULT_CLOSE_ON_NEW FAULT_CAP_EARLY
 * FAULT_GIVEUP_CLOSES FAULT_SA_KEPT FAULT_NO_ATOMIC_CHECK FAULT_KEY_TO_REMOVED. No fault: R_ALWAYS_EARLY. */
#ifndef VMAX
#define VMAX 2                /* versions 1..VMAX                                        */
#endif
#ifndef NSA
#define NSA 4                 /* SA ids 1..NSA-1; id 1 exists at the start               */
#endif
byte gmsv = 1; bool removed; byte vrm;
byte cur[2]; bool knows;      /* knows: member 0 has processed REMOVE(1)                  */
byte nsa = 1;                 /* last SA id given                                        */
byte sav[NSA+1]; byte sai[NSA+1]; /* version and start GE of an SA                           */
byte rx[2];                   /* bit s: member accepts on SA s                           */
byte cf[2];                   /* bit s: SA s confirmed (TX allowed) at the member         */
byte old[2];                  /* bit s: SA s has reached its TX stop (175 s) at the member */
byte tx[2];                   /* TX SA, 0 = none                                         */
byte hs[2];                   /* SA id of the own open handshake, 0 = none               */
byte ord[2];                  /* most recently confirmed                                 */
byte lost, badtx;             /* packets that could not be opened; see the assertions     */
/* in flight: bit s of fl[j]: a data packet on SA s is under way to j (re-ordering is free) */
byte fl[2];
/* DPRP messages under way: bit s */
byte mDDE, mMPIT, mCDN;

#define B(s)      (1 << (s))
#define IN(w,s)   (((w) >> (s)) & 1)

/* TX SA: highest version, then most recently confirmed; not old */
inline choose(m, s) {         /* SA s was just confirmed at m */
  cf[m] = cf[m] | B(s);
  if
#ifdef FAULT_NEWEST_ONLY
  :: true -> tx[m] = s;
#else
  :: tx[m] == 0 || sav[s] >= sav[tx[m]] -> tx[m] = s
#endif
  :: else
  fi;
#ifdef FAULT_CLOSE_ON_NEW        /* closes what is older as soon as something newer is confirmed */
  rx[m] = B(s);
#endif
  skip
}
#define REFUSE(m)  (m == 0 && knows)

active proctype GMS() {
end: do
  :: atomic { gmsv < VMAX && !removed -> gmsv++ }
#ifndef NOREMOVAL
  :: atomic { gmsv < VMAX && !removed -> gmsv++; removed = true; vrm = gmsv }
#endif
  od
}

proctype Deliver(byte m) {
end: do
#ifdef FAULT_KEY_TO_REMOVED
  :: atomic { cur[m] < gmsv ->
#else
  :: atomic { cur[m] < gmsv && !(m == 1 && removed && gmsv >= vrm) ->
#endif
       cur[m] = gmsv;
       if
       :: m == 0 && removed && gmsv >= vrm ->
            knows = true;
            hs[0] = 0;                           /* kills half-opens; as R there is none kept before MPIT */
#ifndef FAULT_SA_KEPT
            tx[0] = 0; rx[0] = 0; cf[0] = 0
#endif
       :: else
       fi }
  od
}

/* DPRP, one step per message; each step may simply not be taken (loss) */
proctype Node(byte m) {
  byte p = 1 - m; byte s;
end: do
  /* start: rollover (newer version), or rekey of the same version, or nothing to send on */
  :: atomic { hs[m] == 0 && nsa < NSA - 1 && !REFUSE(m) ->
       nsa++; s = nsa; sav[s] = cur[m]; sai[s] = m; hs[m] = s; mDDE = mDDE | B(s); s = 0 }
  /* R answers DDE with RGI and I sends MPIT: I installs RX before it sends MPIT; R needs the version */
  :: atomic { hs[m] != 0 && IN(mDDE, hs[m]) && cur[m] == sav[hs[m]] &&
              (cur[p] == sav[hs[m]] || cur[p] == sav[hs[m]] + 1) && !REFUSE(m) && !REFUSE(p) ->
       mDDE = mDDE & ~B(hs[m]);
#ifndef FAULT_RX_LATE
       rx[m] = rx[m] | B(hs[m]);
#endif
       mMPIT = mMPIT | B(hs[m]) }
  /* give up: 15 s */
  :: atomic { hs[m] != 0 ->
       mDDE = mDDE & ~B(hs[m]);
#ifdef FAULT_GIVEUP_CLOSES
       rx[m] = rx[m] & ~B(hs[m]);
#endif
       hs[m] = 0 }                               /* its RX stays to the cap */
  /* R gets MPIT: atomic step with version, roster and lease checks */
  :: atomic { s == 0 -> s = 1;
       do
       :: s < NSA && IN(mMPIT, s) && sai[s] == p -> break
       :: s < NSA && !(IN(mMPIT, s) && sai[s] == p) -> s++
       :: s >= NSA -> break
       od;
       if
       :: s < NSA ->
            mMPIT = mMPIT & ~B(s);
            if
#ifdef FAULT_NO_ATOMIC_CHECK
            :: true ->
#else
            :: !REFUSE(m) && (cur[m] == sav[s] || (cur[m] == sav[s] + 1 && !(removed && m == 0 && knows))) ->
#endif
                 rx[m] = rx[m] | B(s); mCDN = mCDN | B(s);
                 if
                 :: tx[m] == 0 -> choose(m, s)                /* early switch: no other SA    */
#ifdef R_ALWAYS_EARLY
                 :: tx[m] != 0 -> choose(m, s)
#endif
                 :: else
                 fi
            :: else
            fi
       :: else
       fi; s = 0 }
  /* I gets CDN */
  :: atomic { hs[m] != 0 && IN(mCDN, hs[m]) && !REFUSE(m) && cur[m] <= sav[hs[m]] + 1 ->
       mCDN = mCDN & ~B(hs[m]); rx[m] = rx[m] | B(hs[m]);
       choose(m, hs[m]); hs[m] = 0 }
  /* data: send on the TX SA */
  :: atomic { tx[m] != 0 && !IN(fl[p], tx[m]) ->
       if :: !IN(cf[m], tx[m]) -> badtx = 1 :: else fi;
       fl[p] = fl[p] | B(tx[m]) }
  /* data arrives (any order): opened, confirms the SA for both roles; or lost to a key change */
  :: atomic { fl[m] != 0 && s == 0 -> s = 1;
       do :: s < NSA && IN(fl[m], s) -> break :: s < NSA && IN(fl[m], s) -> s++ :: s < NSA && !IN(fl[m], s) -> s++ :: s >= NSA -> break od;
       if
       :: s < NSA ->
            fl[m] = fl[m] & ~B(s);
            if
            :: IN(rx[m], s) ->
                 if
                 :: !IN(cf[m], s) && !IN(old[m], s) -> choose(m, s); if :: hs[m] == s -> hs[m] = 0 :: else fi
                 :: else
                 fi
            :: else -> if :: !removed -> lost = 1 :: else fi
            fi
       :: else
       fi; s = 0 }
  od
}

/* 175 s: both ends stop sending on SA s (next best TX SA, or none)                      */
inline retx(m, s) {
  if
  :: tx[m] == s ->
       tx[m] = 0; k = 1;
       do
       :: k < NSA && IN(cf[m], k) && !IN(old[m], k) && IN(rx[m], k) && (tx[m] == 0 || sav[k] >= sav[tx[m]]) -> tx[m] = k; k++
       :: k < NSA && !(IN(cf[m], k) && !IN(old[m], k) && IN(rx[m], k) && (tx[m] == 0 || sav[k] >= sav[tx[m]])) -> k++
       :: k >= NSA -> break
       od
  :: else
  fi
}
proctype Age() {
  byte s = 1; byte k; byte m;
end: do
  :: atomic { s <= nsa ->
       mMPIT = mMPIT & ~B(s); mCDN = mCDN & ~B(s); mDDE = mDDE & ~B(s);
       if :: hs[0] == s -> hs[0] = 0 :: else fi; if :: hs[1] == s -> hs[1] = 0 :: else fi;
       if :: m = 0 :: m = 1 fi;                  /* whose clock is first */
       old[m] = old[m] | B(s); if :: m == 0 -> retx(0, s) :: m == 1 -> retx(1, s) fi }
#ifdef FAULT_CAP_EARLY                           /* cap of one end before the peer's TX stop */
     atomic { rx[m] = rx[m] & ~B(s) }
#endif
     atomic { m = 1 - m; old[m] = old[m] | B(s); if :: m == 0 -> retx(0, s) :: m == 1 -> retx(1, s) fi }
     atomic { !IN(fl[0], s) && !IN(fl[1], s) -> rx[0] = rx[0] & ~B(s); rx[1] = rx[1] & ~B(s); s++; k = 0; m = 0 }
  od
}

init { atomic {
  cur[0] = 1; cur[1] = 1; sav[1] = 1; rx[0] = 2; rx[1] = 2; cf[0] = 2; cf[1] = 2; tx[0] = 1; tx[1] = 1;
  run Deliver(0); run Deliver(1); run Node(0); run Node(1); run Age() } }

/* V2 no loss to key changes while nobody is removed; every TX SA was confirmed           */
#define noloss  (lost == 0 && badtx == 0)
/* V3 after REMOVE: no SA with the removed member at the node that processed it           */
#define closed  (!knows || (tx[0] == 0 && rx[0] == 0 && hs[0] == 0))
/* V4 the removed member never gets a version issued at or after its removal              */
#define nokey   (!removed || cur[1] < vrm)
active proctype Monitor() { 
  atomic { !(noloss && closed && nokey) -> assert(noloss); assert(closed); assert(nokey) } }
