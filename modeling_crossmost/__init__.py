"""Cross-MoST for the Hugging Face ecosystem: 3D classification without labels.

Importing a name loads only what that name needs; the Auto classes know the model as soon as the package is imported
together with transformers' torch parts.
"""

from importlib import import_module


__version__ = "0.1.0"

_EXPORTS = {
    "CrossMoSTConfig": "configuration_crossmost",
    "CrossMoSTPointConfig": "configuration_crossmost",
    "CrossMoSTForSelfTraining": "modeling_crossmost",
    "CrossMoSTModel": "modeling_crossmost",
    "CrossMoSTPointModel": "modeling_crossmost",
    "CrossMoSTFeatureExtractor": "feature_extraction_crossmost",
    "CrossMoSTProcessor": "processing_crossmost",
}

__all__ = [*_EXPORTS, "register_auto_classes"]


def __getattr__(name: str):
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    register_auto_classes()
    return getattr(import_module(f".{_EXPORTS[name]}", __name__), name)


def register_auto_classes() -> None:
    """Lets `AutoConfig`, `AutoModel`, `AutoFeatureExtractor` and `AutoProcessor` find our classes; safe to repeat."""
    from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor

    from .configuration_crossmost import CrossMoSTConfig, CrossMoSTPointConfig
    from .feature_extraction_crossmost import CrossMoSTFeatureExtractor
    from .modeling_crossmost import CrossMoSTModel, CrossMoSTPointModel
    from .processing_crossmost import CrossMoSTProcessor

    AutoConfig.register(CrossMoSTConfig.model_type, CrossMoSTConfig, exist_ok=True)
    AutoConfig.register(CrossMoSTPointConfig.model_type, CrossMoSTPointConfig, exist_ok=True)
    AutoModel.register(CrossMoSTConfig, CrossMoSTModel, exist_ok=True)
    AutoModel.register(CrossMoSTPointConfig, CrossMoSTPointModel, exist_ok=True)
    AutoFeatureExtractor.register(CrossMoSTConfig, CrossMoSTFeatureExtractor, exist_ok=True)
    AutoProcessor.register(CrossMoSTConfig, CrossMoSTProcessor, exist_ok=True)
