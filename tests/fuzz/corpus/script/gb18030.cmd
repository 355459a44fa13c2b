netsh ipsec static add policy name=²ßÂÔ
