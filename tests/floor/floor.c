/* The floor: what any container engine must ask of the kernel to run a program, and nothing besides.
 * clone with new mount, pid, net, uts, ipc and cgroup namespaces; overlay; /proc; pivot_root; exec; wait.
 *
 * floor LOWER UPPER WORK MERGED PROGRAM [ARGUMENT...]   as root; ends with the program's exit status, 125 if it could not start it. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATHS_BYTES_MAX 4096

static void must(long result, const char *what) {
    if (result < 0) {
        perror(what);
        _exit(125);
    }
}

static void root(char **argv) {
    char options[3 * PATHS_BYTES_MAX];
    int length = snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", argv[1], argv[2], argv[3]);
    if (length < 0 || (size_t)length >= sizeof options)
        _exit(125);
    must(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount private");
    must(mount("overlay", argv[4], "overlay", 0, options), "mount overlay");
    must(chdir(argv[4]), "chdir");
    must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount proc");
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount");
    must(chdir("/"), "chdir /");
}

int main(int argc, char **argv) {
    if (argc < 6) {
        fprintf(stderr, "usage: floor LOWER UPPER WORK MERGED PROGRAM [ARGUMENT...]\n");
        return 125;
    }
    unsigned long namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
    long child = syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, 0);
    must(child, "clone");
    if (child == 0) {
        root(argv);
        must(execv(argv[5], argv + 5), "exec");
    }
    int status;
    must(waitpid((pid_t)child, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
