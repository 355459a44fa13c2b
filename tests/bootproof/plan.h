/* What the machine inside, the outside machine and the policy of tests/bootproof agree on: addresses of the ranges for
 * documentation, ports, and how a line of the console is marked. */
#ifndef CORDON_TESTS_BOOTPROOF_PLAN_H
#define CORDON_TESTS_BOOTPROOF_PLAN_H

#define PLACE_GUEST4 "192.0.2.10"        /* given by DHCP */
#define PLACE_GUEST6 "2001:db8:1::10"    /* static */
#define PLACE_LOCAL6 "fe80::5054:ff:fe12:3456" /* what the kernel makes of MAC_GUEST */
#define PLACE_DHCP4 "192.0.2.2"
#define PLACE_DNS4 "192.0.2.53"
#define PLACE_GATEWAY4 "192.0.2.1"
#define PLACE_CLIENT4 "198.51.100.7"     /* who asks the guest */
#define PLACE_CLIENT6 "2001:db8:3::7"
#define PLACE_NEAR6 "fe80::1"
#define PLACE_SERVER4 "203.0.113.5"      /* whom the policy lets the guest speak to, at PORT_SERVER */
#define PLACE_SERVER6 "2001:db8:2::5"
#define PLACE_FORBIDDEN4 "203.0.113.66"
#define PLACE_FORBIDDEN6 "2001:db8:2::66"

enum plan_port {
	PORT_PERMITTED = 8001, /* the policy lets anyone in */
	PORT_FORBIDDEN = 8002, /* served, and nobody may */
	PORT_CLOSED = 8003,    /* neither */
	PORT_OTHER = 8005,     /* permitted by a change that is never confirmed */
	PORT_LOOPBACK = 8006,  /* asked by the guest itself, and by nobody else */
	PORT_EXEMPT = 3389,    /* a boot exemption */
	PORT_SERVER = 443,
	PORT_IKE = 500,
	PORT_INSIDE_FIRST = 20000, PORT_INSIDE_COUNT = 1000, /* source ports of what the guest begins */
	PORT_FAKED = 21000,    /* where answers go that the guest never asked for */
};

#define MARK "bootproof: "

#endif
