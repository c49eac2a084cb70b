"""The model store: the folder of an installation's checkpoints, and the ways to fill it.

Each checkpoint has a folder named by its id, in the layout of diffusers. Three files of ours lie
beside the weights:

    record.json      the manifest: the source, and every file's size and SHA-256
    checkpoint.json  the descriptor of an operator's own checkpoint, for the catalogue
    faults.txt       the faults that a full verification found

`downloading` fetches from the hub, `importing` takes a folder or a single file, `inventory` lists,
verifies and removes. Only `conversion` loads torch.
"""
