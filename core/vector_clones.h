#pragma once
// Loops over plain arrays, compiled a second time for processors with wider vectors.

// Before a function: the program takes the clone that its processor can run. Results are the same,
// because contraction is off (cmake/EphOptions.cmake) and every element is computed alone.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EPH_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define EPH_VECTOR_CLONES
#endif
