"""The shelf: the folder of checkpoints that an installation has, and how they get there.

Each has a folder of its own, named by its id, in the layout of diffusers. Beside the weights lie
`record.json`, which says where they came from and every file's sum, and for a checkpoint of the
operator's own `checkpoint.json`, from which the catalogue knows it.

    items      what can be fetched
    fetching   from the hub, by way of hub and selection
    adding     from a folder or a single file, by way of geometry and conversion
    standing   whether one can be used, cheaply; verifying: whether every byte is as it was

Only `conversion` loads torch.
"""
