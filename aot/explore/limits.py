"""How much the explorer takes of a visitor: seconds of work, not minutes, and models that fit into its memory."""

MOST_CHARACTERS, MOST_TOKENS = 20_000, 4_000  # of a text
MOST_PAIRS = 4  # measured together, and kept in memory
MOST_PARAMETERS = 500_000_000  # of a model
MOST_TOGETHER = 2 * MOST_PARAMETERS  # of the models in memory: 4 GB
MOST_LAYERS = 500  # which are counted one by one
MOST_BYTES = {".safetensors": 4 * MOST_PARAMETERS, ".json": 2**26, ".txt": 2**26}  # of a checkpoint, by kind of file
LEAST_FREE = 5 * 2**30  # bytes of the disk, below which no other pair is fetched: a Space keeps what visitors name
