"""The table of ∂ of sounds by linear prediction, and its figure."""

from pathlib import Path

from aot.report.quick_tables import MARKS, as_claims, of_cells
from aot.report.rows import read_table
from aot.show.names import readable
from aot.show.quick_figures import plot_table
from aot.statistics import claims

NAME = "sounds_linear"
COLUMNS = "row learner recordings samples order bits aot low high standard_error".split()


def linear(results: Path) -> list[str]:
    """Lines of the table: kinds of sounds by what residuals are taken for, which is here the learner."""
    table = read_table(results / f"{NAME}.csv", COLUMNS)
    if table.empty:
        return ["Not run yet."]
    picture = results / f"{NAME}.png"
    plot_table(picture, table[::-1], str)  # whose first learner puts rows in order: that which knows most
    table = table.assign(easier=claims.easier(as_claims(table)))
    shapes = table["learner"].unique()
    lines = [["", "recordings", "samples", "bits", *shapes]]
    for row, of_row in table.groupby("row", sort=False):
        first, of_row = of_row.iloc[0], of_row.set_index("learner")
        cells = [
            f"{100 * each.aot:+z.2f} ± {100 * (each.high - each.aot):.2f}{MARKS.get(each.easier, '')}"
            for each in of_row.loc[shapes].itertuples()
        ]
        size = [f"{first['recordings']}", f"{first['samples'] / 1e6:.2f} M", f"{of_row['bits'].min():.3f}"]
        lines.append([readable(row), *size, *cells])
    caption = (
        "Columns of residuals: ∂ in %, ± half of its 0.95 interval over recordings. Bits: per sample, of the best "
        f"column. A sample is predicted from {' or '.join(map(str, table['order'].unique()))} others."
    )
    counted = claims.of_rows(as_claims(table))
    return [*of_cells(lines), "", caption, *counted, "", f"![{NAME}: ∂ and its intervals]({picture})"]
