/* kernel-3.10 COMMAND...: runs it with every system call that came after Linux 3.10 answering
   ENOSYS, as a kernel that has never heard of it does, and with a version before 3.10. 313 is
   finit_module, the last of 3.10's on x86-64. OpenSSL looks at the version: it takes /dev/urandom in
   place of getrandom only where the kernel is old. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **words) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 313, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (count < 2) return 97;
    if (personality(UNAME26) == -1) {
        perror("personality");
        return 99;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("seccomp");
        return 99;
    }
    execvp(words[1], words + 1);
    perror("exec");
    return 98;
}
