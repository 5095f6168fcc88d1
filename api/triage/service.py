"""The model and the place table, loaded once a process."""

from functools import lru_cache

from api.settings import get_settings
from classifier.places import PlaceResolver
from classifier.taxonomy import Taxonomy, load_taxonomy
from classifier.triage import Triager


@lru_cache
def get_triager() -> Triager:
    """Returns the triager of this process; the first call loads the model (about half a second)."""
    settings = get_settings()
    return Triager.load(settings.model_dir, settings.nlu_data)


@lru_cache
def get_places() -> PlaceResolver:
    """Returns the resolver of streets, communities and grids."""
    return PlaceResolver.load(get_settings().nlu_data)


@lru_cache
def get_taxonomy() -> Taxonomy:
    """Returns categories, subcategories and departments."""
    return load_taxonomy(get_settings().nlu_data)
