"""What node types do to the packets that pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vshell.abi.netgraph import (
    MKPEER,
    NG_CONTROL,
    NG_DATA,
    NGM_GENERIC_COOKIE,
    NGM_MKPEER,
    NgMesg,
    SockaddrNg,
)  # fmt: skip
from vshell.abi.socket import AF_NETGRAPH, SOCK_DGRAM
from vshell.machine import Machine, Result

Run = Callable[..., Result]

PPP = """
ngctl mkpeer iface a inet; ngctl mkpeer iface a inet
printf '%s\\n' 'mkpeer ng0: ppp inet inet' 'name ng0:inet A' 'mkpeer ng1: ppp inet inet' 'name ng1:inet B' \\
  'connect A: B: link0 link0' 'connect A: B: link1 link1' \\
  'mkpeer A: COMP compress comp' 'mkpeer A: COMP decompress decomp' \\
  'mkpeer B: COMP compress comp' 'mkpeer B: COMP decompress decomp' | ngctl -f -
for n in A B; do
  printf '%s\\n' "mkpeer $n: vjc vjc_ip ip" "name $n:vjc_ip V$n" "connect $n: V$n: vjc_vjcomp vjcomp" \\
    "connect $n: V$n: vjc_vjuncomp vjuncomp" "connect $n: V$n: vjc_vjip vjip" | ngctl -f -
  ngctl msg $n: setconfig '{ bund={ mrru=1600 enableMultilink=1 enableIP=1 enableCompression=1 enableDecompression=1
    enableVJCompression=1 enableVJDecompression=1 } links=[ { enableLink=1 mru=200 latency=LAT bandwidth=100 }
    { enableLink=1 mru=300 bandwidth=100 enableProtoComp=1 enableACFComp=1 } ] }'
  ngctl msg $n:compress config '{ enable=1 MORE }'; ngctl msg $n:decompress config '{ enable=1 MORE }'
  ngctl msg V$n: setconfig '{ enableComp=1 enableDecomp=1 maxChannel=15 compressCID=1 }'
done
jail -c name=j vnet persist; ifconfig ng1 vnet j
ifconfig ng0 10.0.0.1 10.0.0.2; jexec j ifconfig ng1 10.0.0.2 10.0.0.1
ping -q -c 2 -s 1200 10.0.0.2 | grep -c ' 0.0%'
jexec j nc -l 80 > /tmp/got & sleep 1; (jot 400; sleep 1; jot 1500) | nc -N 10.0.0.2 80; wait
(jot 400; jot 1500) | cmp - /tmp/got && echo same
ngctl msg VA: getstate | grep -c 'sls_compressed=[1-9]'; ngctl msg B: getstats 0 | grep -c 'recvFrames=[1-9]'
ngctl msg B: getstats 1 | grep -c 'recvFrames=[1-9]'; ngctl msg B: getstats -1 | grep -c -e drop -e bad
"""
WORKS = ["1", "same", "1", "1", "1", "0"]


def lines(run: Run, script: str) -> list[str]:
    """What a script prints, on both streams."""
    return run(f"{{ {script}\n}} 2>&1").stdout.decode().splitlines()


def ppp(run: Run, compressor: str, more: str = "", latency: str = "0") -> list[str]:
    """Traffic over two links with both compressions."""
    return lines(run, PPP.replace("COMP", compressor).replace("MORE", more).replace("LAT", latency))


def test_ppp_over_two_links_with_deflate(run: Run) -> None:
    assert ppp(run, "deflate", "windowBits=15") == WORKS


def test_ppp_over_unequal_links_with_pred1(run: Run) -> None:
    assert ppp(run, "pred1", latency="9") == WORKS


def test_frames_become_bytes_and_frames_again(run: Run) -> None:
    script = (
        "printf '%s\\n' 'mkpeer hub a a' 'name a bytes' 'msg bytes: setpersistent' 'mkpeer bytes: async x async'"
        " 'name bytes:x A' 'mkpeer bytes: async y async' 'name bytes:y B' 'mkpeer B: hub sync b' 'name B:sync out'"
        " 'msg A: setconfig { enabled=1 amru=100 smru=100 accm=0xffffffff }'"
        " 'msg B: setconfig { enabled=1 amru=100 smru=100 }' | ngctl -f -;"
        "timeout 3 nghook -n -a bytes: t > /tmp/bytes & timeout 3 nghook -n -a out: t > /tmp/out & sleep 1;"
        "printf 'connect . A: s sync\\nwrite s 0xff 0x03 0x7e 0x7d 1 65\\n' | ngctl -f -;"
        "printf 'connect . bytes: s s\\nwrite s 65 66 67 0x7e\\n' | ngctl -f -; wait; cat /tmp/bytes /tmp/out;"
        "ngctl msg B: getstats"
    )
    out = lines(run, script)
    assert out[0].startswith("0000:  7e ff 7d 23 7d 5e 7d 5d 7d 21 41 ") and out[0].split("  ")[1].endswith("7e")
    assert "0000:  7e 7d 01 41" in [line[:18] for line in out]
    assert "asyncBadCheckSums=1" in out[-1] and "asyncFrames=1" in out[-1]


def test_patched_packets_get_new_checksums(run: Run) -> None:
    header = "0x45 0 0 20 0 1 0 0 64 17 0 0 10 0 0 1 10 0 0 2"
    script = (
        "printf '%s\\n' 'mkpeer hub a a' 'name a h' 'msg h: setpersistent' 'mkpeer h: patch p in' 'name h:p p'"
        " 'mkpeer p: checksum out in' 'name p:out c' 'mkpeer c: hub out o' 'name c:out o'"
        " 'msg p: setconfig { count=2 csum_flags=1 ops=[ { offset=8 length=1 mode=3 value=1 }"
        " { offset=16 length=4 mode=2 value=1 } ] }' 'msg c: setconfig { csum_flags=1 }' | ngctl -f -;"
        "timeout 2 nghook -n -a o: t > /tmp/o & sleep 1;"
        f"printf 'connect . h: s s\\nwrite s {header}\\n' | ngctl -f -; wait; cat /tmp/o;"
        "ngctl msg p: getstats; ngctl msg c: getstats"
    )
    out = lines(run, script)
    assert out[0].startswith("0000:  45 00 00 14 00 01 00 00 3f 11 67 d5 0a 00 00 01")
    assert out[1].startswith("0010:  0a 00 00 03")
    assert out[-3] == "Args:\t{ Received=1 Patched=1 }" and out[-1] == "Args:\t{ Received=1 Processed=1 }"


def test_flows_are_exported_in_version_9(run: Run) -> None:
    packet = "0x45 0 0 28 0 1 0 0 64 17 0 0 10 0 0 {} 10 0 0 2 0x30 0x39 0 53 0 8 0 0"
    writes = "".join(f"write s {packet.format(i)}\\n" for i in (1, 1, 9))
    script = (
        "printf '%s\\n' 'mkpeer hub a a' 'name a keep' 'msg keep: setpersistent' 'mkpeer keep: netflow i iface0'"
        " 'name keep:i nf' 'msg nf: setdlt { iface=0 dlt=12 }' 'msg nf: settemplate { time=0 packets=0 }' | ngctl -f -;"
        "nghook -n -a nf: export9 > /tmp/o & sleep 1;"
        f"printf 'connect . keep: s s\\n{writes}' | ngctl -f -; flowctl nf: show | tail -n +2 | awk '{{ print $2, $8 }}';"
        "sleep 18; flowctl nf: show; ngctl msg nf: info | grep -c 'Inactive expiries=2'; ngctl shutdown nf:; sleep 1; cat /tmp/o"
    )
    out = lines(run, script)
    assert out[:3] == ["10.0.0.1 2", "10.0.0.9 1", "1"]
    dump = [byte for line in out[3:] for byte in line[7:55].split()]
    assert dump[:4] == ["00", "09", "00", "04"]
    assert dump[20:24] == ["00", "00", "00", "ac"] and dump[192:194] == ["01", "00"]


def test_pppoe_finds_a_server_and_carries_frames(run: Run) -> None:
    script = (
        "kldload ng_pppoe ng_ether ng_socket ng_hub; ifconfig epair create > /dev/null; ifconfig epair0a up;"
        "jail -c name=j vnet persist; ifconfig epair0b vnet j; jexec j ifconfig epair0b up;"
        "printf 'mkpeer epair0a: pppoe orphans ethernet\\nname epair0a:orphans cl\\n' | ngctl -f -;"
        "printf '%s\\n' 'mkpeer epair0b: pppoe orphans ethernet' 'name epair0b:orphans sv' 'mkpeer hub s1 s1' 'name .:s1 h'"
        " 'msg h: setpersistent' 'connect h: sv: l listen' 'connect h: sv: s2 s1'"
        ' \'msg sv: pppoe_listen { hook="listen" data="isp" }\' \'msg sv: pppoe_offer { hook="s1" data="ac" }\''
        " | jexec j ngctl -f -; jexec j timeout 9 nghook -n -a h: t > /tmp/o & sleep 1;"
        "(printf '%s\\n' 'connect . cl: s1 s1' 'msg cl: pppoe_connect { hook=\"s1\" data=\"isp\" }'; sleep 1;"
        "printf 'write s1 255 3 192 33 1 2 3\\nrmhook s1\\n'; sleep 1) | ngctl -f -; jexec j ngctl show sv: | grep -c s1;"
        "wait; tail -2 /tmp/o | head -1"
    )
    assert lines(run, script)[-2:] == ["0", f"0000:  {'c0 21 01 02 03':<48} {'.!...':<16}"]


def test_l2tp_sends_again_until_there_is_an_answer(run: Run) -> None:
    script = (
        "printf '%s\\n' 'mkpeer hub a a' 'name a up' 'msg up: setpersistent' 'mkpeer up: l2tp x session_00aa' 'name up:x L'"
        " 'mkpeer L: hole lower h' 'msg L: setconfig { enabled=1 tunnel_id=1 peer_id=2 peer_win=4 rexmit_max=5 rexmit_max_to=8 }'"
        " 'connect . L: c ctrl' 'write c 0 1 9 9 9' | ngctl -f -; sleep 10; ngctl msg L: getstats;"
        "printf 'connect . up: s s\\nwrite s 1 2 3\\n' | ngctl -f -; ngctl msg L: getsessstats 0xaa"
    )
    out = lines(run, script)
    assert out[1] == "Args:\t{ xmitPackets=4 xmitOctets=60 xmitRetransmits=3 }"
    assert out[3] == "Args:\t{ xmitPackets=1 xmitOctets=13 }"


def test_a_gif_tunnel_has_a_node(run: Run) -> None:
    script = (
        "kldload ng_gif ng_socket ng_echo; jail -c name=a vnet persist; jail -c name=b vnet persist;"
        "ifconfig epair create > /dev/null; ifconfig epair0a vnet a; ifconfig epair0b vnet b;"
        "for n in a b; do jexec $n ifconfig gif0 create; done; ifconfig -j a epair0a 10.0.0.1/24;"
        "ifconfig -j b epair0b 10.0.0.2/24;"
        "ifconfig -j a gif0 tunnel 10.0.0.1 10.0.0.2; ifconfig -j b gif0 tunnel 10.0.0.2 10.0.0.1;"
        "ifconfig -j a gif0 1.1.1.1 1.1.1.2; ifconfig -j b gif0 1.1.1.2 1.1.1.1;"
        "jexec a ping -q -c 1 -t 2 1.1.1.2 | grep -c ' 0.0%'; jexec b ngctl mkpeer gif0: echo lower e;"
        "jexec a ping -q -c 1 -t 2 1.1.1.2 | grep -c ' 0.0%'; jexec b ngctl shutdown gif0:;"
        "jexec a ping -q -c 1 -t 2 1.1.1.2 | grep -c ' 0.0%'; jexec b ifconfig gif0 destroy; jexec b ngctl list | grep -c gif"
    )
    assert lines(run, script) == ["1", "0", "1", "0"]


async def encrypt(sysent: Any, bits: int, got: list[bytes]) -> int:
    """Frames through two mppc nodes, whose messages are binary only."""
    for module in ("ng_socket", "ng_mppc", "ng_hub"):
        sysent.kldload(module)
    control = sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_CONTROL)
    data = sysent.socket(AF_NETGRAPH, SOCK_DGRAM, NG_DATA)
    sysent.bind(control, SockaddrNg("me"))

    async def send(path: str, cmd: int, args: bytes, cookie: int = NGM_GENERIC_COOKIE) -> None:
        await sysent.sendto(control, NgMesg(cookie, cmd, args).pack(), SockaddrNg(path))

    for cmd, hook in ((1, b"comp"), (2, b"decomp")):
        await send(".", NGM_MKPEER, MKPEER.pack(b"mppc", hook, hook))
        conf = b"\1\0\0\0" + bits.to_bytes(4, "little") + bytes(range(16))
        await send(hook.decode(), cmd, conf, 942886745)
    await sysent.connect(data, SockaddrNg("me:"))
    for frame in (b"\0\x21" + b"abcabcabcabcabcabc" * 5, b"\0\x21" + bytes(range(256)), b"\0\x21" + b"abcabcabc" * 9):
        await sysent.sendto(data, frame, SockaddrNg("comp"))
        packed = await sysent.recvmsg(data, 4096)
        got.append(packed.data)
        await sysent.sendto(data, packed.data, SockaddrNg("decomp"))
        plain = await sysent.recvmsg(data, 4096)
        assert plain.data == frame
    return 0


def packed_frames(bits: int) -> list[bytes]:
    """What goes over the line with some settings."""
    machine = Machine()
    got: list[bytes] = []
    process = machine.process(lambda sysent: encrypt(sysent, bits, got))
    assert machine.finish(process) and process.xstat == 0 and not machine.kernel.panics
    return got


def test_mppc_compresses_and_encrypts() -> None:
    for bits in (0x01, 0x40, 0x41, 0x01000021, 0x81):
        first = packed_frames(bits)[0]
        assert (len(first) < 30) == bool(bits & 1)
        assert bool(first[0] & 0x10) == bool(bits & 0xE0)
