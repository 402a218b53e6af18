// Carries the precompiled Catch header that all test binaries reuse; there is no code to add.
