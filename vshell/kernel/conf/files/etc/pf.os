# Passive OS fingerprints for pf(4): what the first SYN of a connection tells about its sender.
#
# window:TTL:DF:size:options:class:version:subtype:description
#
# window is a number, Snn (that many MSS), Tnn (that many MTU), %nn (a multiple) or *; size may be *; options are
# N (NOP), E (end), Mnnn (MSS), Wnnn (window scale), S (SACK), T (timestamp), T0 (timestamp of zero); * is any value.

S10:64:1:60:M*,S,T,N,W7:Linux:2.6:8:Linux 2.6.8 and newer
S20:64:1:60:M*,S,T,N,W7:Linux:3.10::Linux 3.10 and newer
S44:64:1:60:M*,S,T,N,W7:Linux:4.x::Linux 4.x
S44:64:1:60:M*,S,T,N,W8:Linux:5.x::Linux 5.x
S4:64:1:60:M*,S,T,N,W0:Linux:2.4::Linux 2.4
S22:64:1:60:M*,S,T,N,W0:Linux:2.2::Linux 2.2
16384:64:1:44:M*:FreeBSD:2.2::FreeBSD 2.2
16384:64:1:60:M*,N,W0,N,N,T:FreeBSD:4.4::FreeBSD 4.4
65535:64:1:60:M*,N,W0,N,N,T:FreeBSD:4.6:4.6-4.8:FreeBSD 4.6-4.8
65535:64:1:60:M*,N,W1,N,N,T:FreeBSD:5.0:5.0-5.1:FreeBSD 5.0-5.1
65535:64:1:60:M*,N,W3,S,T:FreeBSD:9.0:9.0-9.1:FreeBSD 9
65535:64:1:60:M*,N,W6,S,T:FreeBSD:10.0::FreeBSD 10 and newer
65535:64:1:60:M*,N,W8,S,T:FreeBSD:14.0::FreeBSD 14 and newer
16384:64:0:60:M*,N,W0,N,N,T:NetBSD:1.3::NetBSD 1.3
32768:64:1:60:M*,N,W0,N,N,T,S,N,N:NetBSD:4.x::NetBSD 4.x
32768:64:1:64:M*,N,W3,S,N,N,N,N,T:NetBSD:5.0::NetBSD 5.0
16384:64:1:64:M*,N,N,S,N,W0,N,N,T:OpenBSD:3.0:3.0-3.2:OpenBSD 3.0-3.2
16384:64:1:64:M*,N,N,S,N,W3,N,N,T:OpenBSD:4.9:4.9-5.8:OpenBSD 4.9-5.8
16384:64:1:64:M*,N,N,S,N,W6,N,N,T:OpenBSD:6.1::OpenBSD 6.1 and newer
57344:64:1:64:M*,N,N,S,N,W0,N,N,T:DragonFly:1.0:A:DragonFly 1.0A
S17:64:1:64:N,W3,N,N,T0,N,N,S,M*:Solaris:2.6::Solaris 2.6
S34:64:1:64:M*,N,W0,N,N,T,N,N,S:Solaris:9::Solaris 9
32850:64:1:64:M*,N,W1,N,N,T,N,N,S:Solaris:10::Solaris 10
8192:32:1:44:M*:Windows:3.11::Windows 3.11
8192:64:1:44:M*:Windows:95::Windows 95
8192:128:1:48:M*,N,N,S:Windows:98::Windows 98
S44:128:1:48:M*,N,N,S:Windows:2000:SP2+:Windows 2000 SP2+
64240:128:1:48:M*,N,N,S:Windows:XP:SP1:Windows XP SP1
65535:128:1:48:M*,N,N,S:Windows:XP:SP3:Windows XP SP3
8192:128:1:52:M*,N,W8,N,N,S:Windows:7::Windows 7
8192:128:1:52:M*,N,W2,N,N,S:Windows:Vista::Windows Vista
64240:128:1:52:M*,N,W8,N,N,S:Windows:10::Windows 10
16616:255:1:48:M*,W0,E,N:MacOS:7.3:8.6:MacOS 7.3-8.6
32768:64:1:60:M*,N,W0,N,N,T:MacOS:X:10.1:MacOS X 10.1
65535:64:1:64:M*,N,W3,N,N,T,S,E,E:MacOS:X:10.5:MacOS X 10.5 and newer
65535:64:1:64:M*,N,W5,N,N,T,S,E,E:MacOS:X:10.11:MacOS X 10.11 and newer
16384:64:0:44:M*:AIX:4.3::AIX 4.3
32768:64:1:48:M*,W0,N:HP-UX:10.20::HP-UX 10.20
61440:60:0:48:M*,N,W0:IRIX:6.5:1:IRIX 6.5
4128:255:0:44:M*:Cisco:12008::Cisco 12008
32768:64:0:64:M*,N,W0,S,N,N,N,N,T:SymbianOS:60xx::Symbian OS 60xx
1024:64:0:40:.:NMAP:syn scan:1:NMAP syn scan
