"""Models that read in neither direction: in which order, and beside which pair."""

import hashlib

from transformers import PretrainedConfig

from aot.base.folders import differences
from aot.tokens.windows import PERMUTED, Order, Reading
from aot.train.pairs import SEED, recipe_of, without


def order_in(reading: Reading) -> dict:
    """What a recipe has of an Order, under the key `order`; {} of the directions, which need no more words."""
    if not isinstance(reading, Order):
        return {}
    places = hashlib.sha256(reading.places.astype("<i4").tobytes()).hexdigest()
    own = {"seed": reading.seed, "block": reading.block, "reversed": reading.turned}
    return {"order": own | {"places_sha256": places}}


def order_of(config: PretrainedConfig, path: str) -> Order:
    """The order in which a checkpoint reads; SystemExit where it has none, or another than is drawn here."""
    own = getattr(config, "direction", None)
    recorded = recipe_of(config).get("order")
    if own != PERMUTED or not recorded:
        raise SystemExit(f"{path}: is no model of run_clm_reverse.py --direction {PERMUTED}, but {own or 'of others'}")
    order = Order(recipe_of(config)["context"], recorded["seed"], recorded["block"], recorded["reversed"])
    if differ := differences(recorded, order_in(order)["order"]):
        raise SystemExit(f"{path}: was trained in an order that is not drawn here (there / here): {'; '.join(differ)}")
    return order


def by_pair(
    pairs: list[dict[str, str]], configs: dict[str, PretrainedConfig], permuted: dict[str, PretrainedConfig]
) -> dict[Order, list[str]]:
    """Paths of the `permuted` models (configurations by path) by the order in which they read: one for each pair.

    Each is of the pair whose recipe is its own but for direction and order. SystemExit where one is of none of them,
    or where a pair has none, or two, of an order.
    """

    def made_of(config: PretrainedConfig) -> dict:
        return without(recipe_of(config), ("order",))

    recipes = [made_of(configs[pair["forward"]]) for pair in pairs]
    found: dict[Order, list] = {}
    for path, config in permuted.items():
        order, own = order_of(config, path), made_of(config)
        if own not in recipes:
            differ = differences(*(without(each, SEED) for each in (recipes[0], own))) or differences(recipes[0], own)
            raise SystemExit(
                f"{path}: belongs to none of these pairs, from which it differs in more than direction (pair / it): "
                f"{'; '.join(differ)}"
            )
        paths = found.setdefault(order, [None] * len(pairs))
        if paths[number := recipes.index(own)]:
            raise SystemExit(f"{paths[number]} and {path}: are both of {order} and of one pair; give one of them")
        paths[number] = path
    for order, paths in found.items():
        if None in paths:
            missing = pairs[paths.index(None)]["forward"]
            raise SystemExit(f"{order}: has no model beside {missing}; give one for each pair, or fewer pairs")
    return found
