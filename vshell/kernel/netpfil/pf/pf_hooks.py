def hook(pf):
    pass


def dehook(pf):
    pass


def hook_eth(pf, on):
    pass
