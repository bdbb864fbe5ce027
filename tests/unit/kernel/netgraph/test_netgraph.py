"""Netgraph as programs see it: nodes, names, messages in words, data, stacks."""

from __future__ import annotations

from collections.abc import Callable

from vshell.machine import Result

Run = Callable[..., Result]


def lines(run: Run, script: str) -> list[str]:
    """What a script prints, on both streams."""
    return run(f"{{ {script}\n}} 2>&1").stdout.decode().splitlines()


def test_nodes_get_ids_in_order_and_go_with_their_hooks(run: Run) -> None:
    script = "printf 'mkpeer hub a a\\nname a sw\\nlist\\n' | ngctl -n me -f -; ngctl -n me list"
    assert [line.split()[1] for line in lines(run, script) if "Name:" in line] == ["me", "sw", "me"]


def test_a_failed_mkpeer_costs_an_id(run: Run) -> None:
    out = lines(run, "ngctl mkpeer bridge a nolink; ngctl -n me show -n .")
    assert out == ["ngctl: send msg: Invalid argument", f"  Name: {'me':15} Type: {'socket':15} ID: 00000003   Num hooks: 0"]


def test_messages_have_words(run: Run) -> None:
    script = (
        "printf 'mkpeer bridge a link0\\nmsg a setconfig { loopTimeout=0x20 }\\nmsg a getconfig\\n' | ngctl -f -;"
        "ngctl msg . mkpeer '{ kind=\"hub\" }'; ngctl msg . nosuch"
    )
    assert lines(run, script) == [
        'Rec\'d response "getconfig" (2) from "[2]:":',
        "Args:\t{ loopTimeout=32 }",
        "ngctl: send msg: No such file or directory",
        "ngctl: send msg: Function not implemented",
    ]


def test_a_hub_copies_to_all_others(run: Run) -> None:
    script = (
        "printf 'mkpeer hub a a\\nname a sw\\nmkpeer sw: hole b h\\nmkpeer sw: hole c h\\nwrite a 1 2 3\\n"
        'msg sw:b getstats "h"\\nmsg sw:c getstats "h"\\n\' | ngctl -f -'
    )
    assert [line for line in lines(run, script) if line.startswith("Args")] == ["Args:\t{ frames=1 octets=3 }"] * 2


def test_a_loop_of_hubs_leaves_others_their_turn(run: Run) -> None:
    script = (
        "printf 'mkpeer hub a a\\nname a x\\nmkpeer x: hub p p\\nname x:p y\\nconnect x: y: q q\\nwrite a 1\\n' | ngctl -f -;"
        "ngctl -n me list | grep -c hub"
    )
    assert lines(run, script) == ["2"]


def test_interfaces_of_jails_are_linked_by_a_bridge(run: Run) -> None:
    script = (
        "printf 'mkpeer bridge a link0\\nname a br\\nmsg br: setpersistent\\n' | ngctl -f -;"
        "for i in 0 1; do ngctl mkpeer br: eiface link ether; jail -c name=j$i vnet persist vnet.interface=ngeth$i;"
        "jexec j$i ifconfig ngeth$i 10.0.0.$((i+1))/24 up; done;"
        "jexec j0 ping -q -c 2 10.0.0.2 | grep transmitted; ngctl show -n br: | awk '{print $NF}'"
    )
    assert lines(run, script) == ["2 packets transmitted, 2 packets received, 0.0% packet loss", "2"]


def test_a_pipe_delays(run: Run) -> None:
    script = (
        "printf 'mkpeer eiface a ether\\nmkpeer eiface b ether\\n' | ngctl -f -;"
        "printf 'mkpeer ngeth0: pipe ether upper\\nconnect ngeth0:ether ngeth1: lower ether\\n"
        "msg ngeth0:ether setcfg { delay=100000 }\\n' | ngctl -f -;"
        "jail -c name=j vnet persist vnet.interface=ngeth1; jexec j ifconfig ngeth1 10.0.0.2/24 up;"
        "ifconfig ngeth0 10.0.0.1/24 up; ping -c 1 10.0.0.2 | sed -n 's/.*time=\\([0-9]*\\).*/\\1/p'"
    )
    (time,) = lines(run, script)
    assert 200 <= int(time) <= 500


def test_each_stack_has_its_own_nodes(run: Run) -> None:
    script = (
        "printf 'mkpeer hub a a\\nname a sw\\nmsg sw: setpersistent\\n' | ngctl -f -; jail -c name=j vnet persist;"
        "ngctl -j j show sw:; ngctl -j j -n me list; ngctl shutdown sw:; kldunload ng_hub && echo gone"
    )
    out = lines(run, script)
    assert out[0] == "ngctl: send msg: No such file or directory"
    assert out[1] == "There are 1 total nodes:"
    assert out[-1] == "gone"


def test_data_goes_through_nghook(run: Run) -> None:
    script = (
        "printf 'mkpeer hub a a\\nname a wire\\nmsg wire: setpersistent\\n' | ngctl -f -;"
        "timeout 3 nghook -n wire: text > /tmp/out & sleep 1;"
        "printf 'connect . wire: x x\\nwrite x 104 105 10\\n' | ngctl -f -; wait; cat /tmp/out"
    )
    assert lines(run, script)[-1] == "hi"
