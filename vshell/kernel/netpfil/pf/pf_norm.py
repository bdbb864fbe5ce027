class Fragments:
    def __init__(self, pf):
        self.pf = pf
        self.found = {}

    def purge(self):
        pass
