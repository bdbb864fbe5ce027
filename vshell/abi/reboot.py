"""sys/reboot.h: how a machine is stopped."""

RB_NOSYNC, RB_HALT, RB_DUMP, RB_POWEROFF, RB_REROOT, RB_POWERCYCLE = 0x4, 0x8, 0x100, 0x4000, 0x200000, 0x400000
