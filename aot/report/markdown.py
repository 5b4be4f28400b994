"""How the table of an experiment with pairs is shown."""

import numpy as np
import pandas as pd

from aot.statistics import claims


def markdown(table: pd.DataFrame) -> list[str]:
    """Lines of a table, a row of all seeds each; who is easier stands there only where all rows together allow it."""

    def cells(form, *keys, scale=1):
        values = table[list(keys)].to_numpy(float) / scale
        return ["" if np.isnan(row).any() else " to ".join(form.format(each) for each in row) for row in values]

    table = table.assign(
        control=table[["control_forward", "control_backward"]].max(axis=1),
        bits=table[["bits_forward", "bits_backward"]].mean(axis=1),
    )
    over = ["" if pd.isna(row.samples) else f"{row.documents:.0f} {row.samples}" for row in table.itertuples()]
    columns = pd.DataFrame({
        "": table["row"],
        "parameters": cells("{:.2f} M", "parameters", scale=1e6),
        "context": cells("{:.0f}", "context"),
        "trained on": cells("{:.2f} M tokens", "train_tokens", scale=1e6),
        "seeds": cells("{:.0f}", "seeds"),
        "interval over": over,
        "machine": table["device"].astype(str).where(lambda names: names.str.startswith("NVIDIA"), ""),
        "strength": cells("{:.3g}", "strength"),
        "entropy": cells("{:.4f}", "entropy"),
        "bits per byte": cells("{:.3f}", "bits"),
        "ℓ→": cells("{:.4f}", "forward"),
        "ℓ←": cells("{:.4f}", "backward"),
        "∂ in theory": cells("{:+z.3%}", "theory"),
        "r": cells("{:+z.3%}", "ratio"),
        "∂": cells("{:+z.3%}", "aot"),
        "0.95 interval": cells("{:+z.3%}", "low", "high"),
        "easier": claims.easier(table),
        "A/A": cells("{:.3%}", "control"),
    })  # fmt: skip
    settings = columns.columns[1:9] if len(table) > 1 else []
    same = {key: columns[key].iloc[0] for key in settings if columns[key].nunique() == 1}
    columns = columns.drop(columns=[*same, *(key for key in columns if not columns[key].any())])
    rows = [columns.columns, [":--", *["--:"] * (columns.shape[1] - 1)], *columns.to_numpy()]
    caption = ", ".join(f"{key} {value}" for key, value in same.items() if value)
    return ["| " + " | ".join(row) + " |" for row in rows] + ["", f"In all rows: {caption}."] * bool(caption)
