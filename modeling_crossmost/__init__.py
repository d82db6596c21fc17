"""Cross-MoST for the Hugging Face ecosystem: 3D classification without labels.

Importing the package registers its classes with `AutoConfig`, `AutoModel`, `AutoFeatureExtractor`, `AutoProcessor` and
`pipeline`: immediately if transformers is already imported, otherwise as soon as something imports it. Models saved
from then on carry their source code, so that they load with transformers alone (`trust_remote_code=True`).
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from .utils.late_import import postpone_scipy, when_imported


if TYPE_CHECKING:
    from .configuration_crossmost import CrossMoSTConfig, CrossMoSTPointConfig
    from .feature_extraction_crossmost import CrossMoSTFeatureExtractor
    from .modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, CrossMoSTPointModel
    from .pipeline_crossmost import PointCloudClassificationPipeline
    from .processing_crossmost import CrossMoSTProcessor

__version__ = "0.2.0"

__all__ = [
    "CrossMoSTConfig",
    "CrossMoSTFeatureExtractor",
    "CrossMoSTForSelfTraining",
    "CrossMoSTModel",
    "CrossMoSTPointConfig",
    "CrossMoSTPointModel",
    "CrossMoSTProcessor",
    "PointCloudClassificationPipeline",
]


@cache
def _import_and_register() -> dict[str, Any]:
    """Import the public classes, register them with transformers, and return them by name."""
    postpone_scipy()
    from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoModelForPreTraining, AutoProcessor
    from transformers.pipelines import PIPELINE_REGISTRY

    from .configuration_crossmost import PIPELINE_TASK, CrossMoSTConfig, CrossMoSTPointConfig
    from .feature_extraction_crossmost import CrossMoSTFeatureExtractor
    from .modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, CrossMoSTPointModel
    from .pipeline_crossmost import PointCloudClassificationPipeline
    from .processing_crossmost import CrossMoSTProcessor

    # For users of this package: transformers resolves the `model_type` of a saved folder to these classes.
    AutoConfig.register(CrossMoSTConfig.model_type, CrossMoSTConfig, exist_ok=True)
    AutoConfig.register(CrossMoSTPointConfig.model_type, CrossMoSTPointConfig, exist_ok=True)
    AutoModel.register(CrossMoSTConfig, CrossMoSTModel, exist_ok=True)
    AutoModel.register(CrossMoSTPointConfig, CrossMoSTPointModel, exist_ok=True)
    AutoModelForPreTraining.register(CrossMoSTConfig, CrossMoSTForSelfTraining, exist_ok=True)
    AutoFeatureExtractor.register(CrossMoSTConfig, CrossMoSTFeatureExtractor, exist_ok=True)
    AutoProcessor.register(CrossMoSTConfig, CrossMoSTProcessor, exist_ok=True)
    if PIPELINE_TASK not in PIPELINE_REGISTRY.supported_tasks:
        PIPELINE_REGISTRY.register_pipeline(
            PIPELINE_TASK, PointCloudClassificationPipeline, pt_model=AutoModel, type="multimodal"
        )

    # For everyone else: `save_pretrained` copies the source files of these classes and lists them in `auto_map`.
    CrossMoSTConfig.register_for_auto_class()
    CrossMoSTPointConfig.register_for_auto_class()
    CrossMoSTModel.register_for_auto_class("AutoModel")
    CrossMoSTPointModel.register_for_auto_class("AutoModel")
    CrossMoSTForSelfTraining.register_for_auto_class("AutoModelForPreTraining")
    CrossMoSTFeatureExtractor.register_for_auto_class()
    CrossMoSTProcessor.register_for_auto_class()

    models = (CrossMoSTModel, CrossMoSTPointModel, CrossMoSTForSelfTraining, PointCloudClassificationPipeline)
    others = (CrossMoSTConfig, CrossMoSTPointConfig, CrossMoSTFeatureExtractor, CrossMoSTProcessor)
    return {public.__name__: public for public in (*models, *others)}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals().update(_import_and_register())
    return globals()[name]


# Torch and transformers take seconds to import, and neither `--help` nor the worker processes that render or read files
# need them. Anyone who calls an Auto class has already imported transformers, so registering at that moment suffices.
when_imported("transformers", __name__, _import_and_register)
