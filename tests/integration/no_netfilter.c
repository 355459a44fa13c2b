/* no_netfilter PROGRAM [ARGUMENT…]: runs a program as on a kernel that has no netfilter netlink, so no nftables:
 * its sockets of that kind are refused with EPROTONOSUPPORT, by a seccomp filter. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The low half of an argument of the system call. */
static const uint32_t argument_at[3] = {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	offsetof(struct seccomp_data, args[0]), 0, offsetof(struct seccomp_data, args[2]),
#else
	offsetof(struct seccomp_data, args[0]) + 4, 0, offsetof(struct seccomp_data, args[2]) + 4,
#endif
};

int main(int count, char **words)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at[0]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument_at[2]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_NETFILTER, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(rows) / sizeof(rows[0]), .filter = rows};
	if (count < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
		perror("no_netfilter");
		return 77;
	}
	execv(words[1], words + 1);
	perror(words[1]);
	return 127;
}
