/* A certificate that is one, for the tests. */
#ifndef CORDON_TESTS_UNIT_CONTAIN_CERTIFICATE_H
#define CORDON_TESTS_UNIT_CONTAIN_CERTIFICATE_H

#define CERTIFICATE                                                                                                    \
	"-----BEGIN CERTIFICATE-----\n" \
	"MIIBiTCCAS+gAwIBAgIUElFxjwECOOdbY+T2vF5XP+JXmDowCgYIKoZIzj0EAwIw\n" \
	"GTEXMBUGA1UEAwwOQ29yZG9uIHRlc3QgQ0EwIBcNMjYxMTIxMTQ0NDM5WhgPMjEy\n" \
	"NjEwMjgxNDQ0MzlaMBkxFzAVBgNVBAMMDkNvcmRvbiB0ZXN0IENBMFkwEwYHKoZI\n" \
	"zj0CAQYIKoZIzj0DAQcDQgAE9rXSbeRoXLmXuC+rtF2cfR2ZTTEhi1X8bi+BYSV7\n" \
	"3EiZqDTDqj+yidnLYKTlz5NhH/DFURiOyTS4XOjV63v7vaNTMFEwHQYDVR0OBBYE\n" \
	"FBCLAi4dFdcB+ziTNc8neecD5TiiMB8GA1UdIwQYMBaAFBCLAi4dFdcB+ziTNc8n\n" \
	"eecD5TiiMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAPMqnBUu\n" \
	"MpPt786Yc4dfRWquzH1eFDy4wd80TMuqKkz3AiBbOOxwRXY9mzD8xFI/9tPamb16\n" \
	"GOfA1j90R/fLRtJd6g==\n" \
	"-----END CERTIFICATE-----\n"

#endif
