/* Ends with 0 where the executables can run: on a kernel for x86-64, on a directory that allows
   execution, with a glibc that is new enough. secure_getenv came with glibc 2.17. */
#define _GNU_SOURCE
#include <stdlib.h>

int main(void) {
    return secure_getenv("PATH") == getenv("PATH") ? 0 : 1;
}
