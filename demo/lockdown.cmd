@echo off
rem Locks a web server down with IPsec filters, the way it was done on Windows Server 2003:
rem everybody may use the web server, only the internal network may use FTP and Terminal Services,
rem the server itself may ask name servers and fetch web pages, and everything else is blocked.
setlocal
set POLICY=Lockdown
set INTERNAL=10.0.0.0
set INTERNALMASK=255.0.0.0

rem --- 1. A clean slate, and the settings of the driver
netsh ipsec static delete all > nul
netsh ipsec dynamic set config property=ipsecdiagnostics value=7
netsh ipsec dynamic set config property=ipsecloginterval value=60
netsh ipsec dynamic set config property=ipsecexempt value=3
netsh ipsec dynamic set config property=bootmode value=stateful

rem --- 2. The policy, and what can be done with a packet
netsh ipsec static add policy name="%POLICY%" description="Web server lock-down" activatedefaultrule=no
netsh ipsec static add filteraction name="%POLICY% permit" action=permit
netsh ipsec static add filteraction name="%POLICY% block" action=block

rem --- 3. Which packets
netsh ipsec static add filterlist name="Web in" description="Anybody to the web server"
for %%p in (80 443) do netsh ipsec static add filter filterlist="Web in" srcaddr=any dstaddr=me protocol=tcp dstport=%%p

netsh ipsec static add filterlist name="FTP in" description="The internal network to FTP"
for %%p in (20 21) do netsh ipsec static add filter filterlist="FTP in" ^
    srcaddr=%INTERNAL% srcmask=%INTERNALMASK% dstaddr=me protocol=tcp dstport=%%p

netsh ipsec static add filterlist name="Terminal Services in" description="The internal network to Terminal Services"
netsh ipsec static add filter filterlist="Terminal Services in" ^
    srcaddr=%INTERNAL% srcmask=%INTERNALMASK% dstaddr=me protocol=tcp dstport=3389

netsh ipsec static add filterlist name="DNS out" description="This server to its name servers"
for %%p in (udp tcp) do netsh ipsec static add filter filterlist="DNS out" srcaddr=me dstaddr=dns protocol=%%p dstport=53

netsh ipsec static add filterlist name="Web out" description="This server to other web servers"
for %%p in (80 443) do netsh ipsec static add filter filterlist="Web out" srcaddr=me dstaddr=any protocol=tcp dstport=%%p

netsh ipsec static add filterlist name="Everything" description="All the rest"
netsh ipsec static add filter filterlist="Everything" srcaddr=any dstaddr=any protocol=any

rem --- 4. The rules, and the policy in force
for %%l in ("Web in" "FTP in" "Terminal Services in" "DNS out" "Web out") do ^
    netsh ipsec static add rule name=%%l policy="%POLICY%" filterlist=%%l filteraction="%POLICY% permit"
netsh ipsec static add rule name="Block everything" policy="%POLICY%" filterlist="Everything" filteraction="%POLICY% block"
netsh ipsec static set policy name="%POLICY%" assign=yes
