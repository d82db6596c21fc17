"""Cross-MoST for the Hugging Face ecosystem: 3D classification without labels.

Importing the package registers its classes with `AutoConfig`, `AutoModel`, `AutoFeatureExtractor` and `AutoProcessor`.
"""

from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor

from .configuration_crossmost import CrossMoSTConfig, CrossMoSTPointConfig
from .feature_extraction_crossmost import CrossMoSTFeatureExtractor
from .modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, CrossMoSTPointModel
from .processing_crossmost import CrossMoSTProcessor


__version__ = "0.1.0"

AutoConfig.register(CrossMoSTConfig.model_type, CrossMoSTConfig, exist_ok=True)
AutoConfig.register(CrossMoSTPointConfig.model_type, CrossMoSTPointConfig, exist_ok=True)
AutoModel.register(CrossMoSTConfig, CrossMoSTModel, exist_ok=True)
AutoModel.register(CrossMoSTPointConfig, CrossMoSTPointModel, exist_ok=True)
AutoFeatureExtractor.register(CrossMoSTConfig, CrossMoSTFeatureExtractor, exist_ok=True)
AutoProcessor.register(CrossMoSTConfig, CrossMoSTProcessor, exist_ok=True)

__all__ = [
    "CrossMoSTConfig",
    "CrossMoSTFeatureExtractor",
    "CrossMoSTForSelfTraining",
    "CrossMoSTModel",
    "CrossMoSTPointConfig",
    "CrossMoSTPointModel",
    "CrossMoSTProcessor",
]
