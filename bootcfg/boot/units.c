/* What is installed, as text. */
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/install.h"
#include "core/base/attr.h"

#define MADE "# Made by `cordon boot install`; `cordon boot uninstall` takes it away.\n"

/* No ExecStop: stopping it opens nothing, and must not be done by hand, since what holds the network back would be
 * stopped with it.  Exit code 1 means that the machine is contained, with a finding: the network may come up. */
void unit_boot(const struct install *install, struct buffer *text)
{
	buffer_printf(text,
		      MADE
		      "[Unit]\n"
		      "Description=Cordon: the boot rules, before any network\n"
		      "Documentation=man:cordon(1)\n"
		      "DefaultDependencies=no\n"
		      "RequiresMountsFor=" BOOTFILE " %s/cordon-boot\n"
		      "Wants=network-pre.target\n"
		      "Before=network-pre.target cloud-init-local.service sysinit.target shutdown.target\n"
		      "Conflicts=shutdown.target\n"
		      "RefuseManualStop=yes\n"
		      "\n"
		      "[Service]\n"
		      "Type=oneshot\n"
		      "RemainAfterExit=yes\n"
		      "ExecStart=%s/cordon-boot " BOOTFILE "\n"
		      "SuccessExitStatus=1\n"
		      "TimeoutStartSec=60\n"
		      "NoNewPrivileges=yes\n"
		      "CapabilityBoundingSet=CAP_NET_ADMIN\n"
		      "\n"
		      "[Install]\n"
		      "WantedBy=sysinit.target\n",
		      install->programs, install->programs);
}

/* No ExecStop: a stop leaves the kernel's rules standing. */
void unit_service(const struct install *install, struct buffer *text)
{
	buffer_printf(text,
		      MADE
		      "[Unit]\n"
		      "Description=Cordon: keeps the policy of the store in force\n"
		      "Documentation=man:cordon(1)\n"
		      "RequiresMountsFor=/etc/cordon /var/lib/cordon /var/log/cordon %s/cordond\n"
		      "Wants=cordon-boot.service\n"
		      "After=cordon-boot.service\n"
		      "StartLimitIntervalSec=0\n"
		      "\n"
		      "[Service]\n"
		      "Type=notify\n"
		      "NotifyAccess=main\n"
		      "ExecStart=%s/cordond --foreground\n"
		      "WatchdogSec=30\n"
		      "Restart=always\n"
		      "RestartSec=1\n"
		      "KillMode=mixed\n"
		      "TimeoutStopSec=10\n"
		      "OOMScoreAdjust=-900\n"
		      "\n"
		      "[Install]\n"
		      "WantedBy=multi-user.target\n",
		      install->programs, install->programs);
}

void unit_dropin(const struct install *install, struct buffer *text)
{
	(void)install;
	buffer_add_text(text, MADE
			"# No network before the boot rules are in force.  The way in when they cannot be loaded (from the console):\n"
			"# systemctl start --job-mode=ignore-dependencies UNIT, or cordon boot uninstall.\n"
			"[Unit]\n"
			"Requires=cordon-boot.service\n"
			"After=cordon-boot.service\n");
}

/* A hook that fails makes update-initramfs fail: an image that would come up uncontained is not made. */
void initramfs_hook(const struct install *install, struct buffer *text)
{
	buffer_printf(text,
		      "#!/bin/sh\n" MADE
		      "# Puts the boot rules, what loads them and the modules that they need into the initial RAM disk.\n"
		      "PREREQ=\"\"\n"
		      "case \"${1:-}\" in\n"
		      "prereqs)\n"
		      "	echo \"$PREREQ\"\n"
		      "	exit 0\n"
		      "	;;\n"
		      "esac\n"
		      ". /usr/share/initramfs-tools/hook-functions\n"
		      "\n"
		      "fail() {\n"
		      "	echo \"E: cordon: $1; no initial RAM disk is made that would come up uncontained\" >&2\n"
		      "	exit 1\n"
		      "}\n"
		      "# 1: it is there already.\n"
		      "copy_exec %s/cordon-boot || fail \"%s/cordon-boot cannot be copied\"\n"
		      "copy_file \"boot rules\" " BOOTFILE " || [ $? -eq 1 ] || fail \"" BOOTFILE
		      " cannot be copied (cordon boot install makes it)\"\n"
		      "/sbin/modprobe --set-version=\"$version\" --ignore-install --quiet --show-depends nf_tables >/dev/null ||\n"
		      "	fail \"the kernel $version has no nf_tables\"\n"
		      "manual_add_modules nfnetlink nf_tables nft_ct nft_fib nft_fib_inet nft_fib_ipv4 nft_fib_ipv6 nft_log \\\n"
		      "	nft_tproxy nft_objref nft_counter nf_conntrack nf_defrag_ipv4 nf_defrag_ipv6 nf_tproxy_ipv4 nf_tproxy_ipv6 \\\n"
		      "	nfnetlink_log\n",
		      install->programs, install->programs);
}

/* init-top comes before modules of network cards are loaded and long before configure_networking. */
void initramfs_script(const struct install *install, struct buffer *text)
{
	buffer_printf(text,
		      "#!/bin/sh\n" MADE
		      "# Loads the boot rules before any network.  When nothing at all can be loaded the boot stops here: a shell\n"
		      "# on the console (leaving it goes on booting), or what the kernel's parameter panic= says.\n"
		      "PREREQ=\"\"\n"
		      "case \"${1:-}\" in\n"
		      "prereqs)\n"
		      "	echo \"$PREREQ\"\n"
		      "	exit 0\n"
		      "	;;\n"
		      "esac\n"
		      ". /scripts/functions\n"
		      "\n"
		      "modprobe -q nfnetlink\n"
		      "modprobe -q nf_tables\n"
		      "%s/cordon-boot " BOOTFILE "\n"
		      "case $? in\n"
		      "0 | 1) ;;\n"
		      "*) panic \"Cordon: no rules could be loaded, so the boot stops before any network; see the messages above\" ;;\n"
		      "esac\n"
		      "exit 0\n",
		      install->programs);
}
