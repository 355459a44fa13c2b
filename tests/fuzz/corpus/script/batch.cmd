@echo off
rem a lock-down
set NAME=Lock
netsh ipsec static add policy name=%NAME% description="for %1"
netsh ipsec static add filteraction name=block action=block > nul 2>&1
for %%i in (135 139 445) do netsh ipsec static add filter filterlist=bad srcaddr=any dstaddr=me ^
  protocol=tcp dstport=%%i description="port %%i"
netsh ipsec static add rule name=bad policy=%NAME% filterlist=bad filteraction=block && echo done || echo failed
sc config PolicyAgent start= auto
netsh ipsec static set policy name=%NAME% assign=yes & pause
