"""What a machine tells about itself as a whole, across all stacks: each file answers the requests that name it.

A file has `serve(td, request)`; the requests stand in vshell/abi/vshell.py and files beside it.
"""
