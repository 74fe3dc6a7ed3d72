// The kernel's count of changes to the nftables rules of this network namespace: cheap to ask, where listing them takes a program.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace gscip {

// The count, or a negative errno.
int64_t nftGeneration();

// What an answer of the kernel says: the count, or a negative errno. Reads nothing beyond it, whatever its headers say.
int64_t nftGenerationIn(const uint8_t* bytes, size_t length);

}  // namespace gscip
