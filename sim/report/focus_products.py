"""What each line of the invoice is in the words of FOCUS: service, category, units, SKU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

from sim.stack.on_premises import ON_PREMISES
from sim.units import MILLION


@dataclass(frozen=True, slots=True)
class Product:
    """One kind of thing that is charged; units are plural, as the specification wants them."""

    words: str
    service: str
    category: str
    subcategory: str
    meter: str
    sku: str
    consumed_unit: str = ""
    pricing_unit: str = ""
    pricing_size: float = 1.0
    """How many consumed units one pricing unit has."""
    resource: str = ""
    """Type of the resource that is charged; empty: none."""
    supplier: str = ""
    """Who charges it where the stack does not say; never empty then."""
    bought: str = ""
    """Unit of what is bought by the month, not by use; empty: by use."""
    pricing_category: str = "Standard"
    by_product: bool = False
    """Whether its SKU is one of an API model or a GPU."""


_AI = "AI and Machine Learning"
_API = Product(
    "",
    "Language model API",
    _AI,
    "Generative AI",
    "",
    "",
    "Tokens",
    "1000000 Tokens",
    MILLION,
    "Model endpoint",
    "API provider",
    by_product=True,
)
_GPU = Product(
    "",
    "GPU rental",
    "Compute",
    "Virtual Machines",
    "GPU hours",
    "gpu-hour",
    "GPU-Hours",
    "GPU-Hours",
    1.0,
    "GPU pool",
    "GPU provider",
    by_product=True,
)
_JOB = Product(
    "",
    "Model training",
    _AI,
    "Machine Learning",
    "Training",
    "training",
    resource="Training job",
    supplier="Training provider",
    bought="Units",
)
_PRODUCTS = MappingProxyType(
    {
        "api_input": replace(_API, words="API input tokens", meter="Input tokens", sku="input-tokens"),
        "api_cached_input": replace(_API, words="API cached input tokens", meter="Cached input tokens", sku="cached-input-tokens"),
        "api_output": replace(_API, words="API output tokens", meter="Output tokens", sku="output-tokens"),
        "api_requests": replace(
            _API, words="API requests", meter="Requests", sku="requests", consumed_unit="Requests", pricing_unit="Requests",
            pricing_size=1.0,
        ),
        "gpu_used": replace(_GPU, words="GPU-hours of replicas at work"),
        "gpu_idle": replace(_GPU, words="GPU-hours of replicas with nothing to do, cold starts included"),
        "gpu_spare": replace(_GPU, words="GPU-hours paid on which no replica stood"),
        "gpu_commitment": replace(_GPU, words="Commitment to GPU-hours, the month's part"),
        "gpu_power": Product(
            "Electricity of own GPUs", "Power", "Other", "Other (Other)", "Electricity", "electricity", "kWh", "kWh", 1.0, "GPU pool",
            "Electricity supplier",
        ),
        "gpu_hosting": Product(
            "Hosting of own GPUs", "Hosting", "Other", "Other (Other)", "Hosting", "hosting", "GPU-Months", "GPU-Months", 1.0, "GPU pool",
            "Hosting provider",
        ),
        "tooling": Product(
            "Tooling", "Tooling", "Developer Tools", "Other (Developer Tools)", "Subscription", "tooling", supplier="Tooling provider",
            bought="Months",
        ),
        "storage": Product(
            "Storage", "Storage", "Storage", "Other (Storage)", "Storage", "storage", "GB-Months", "GB-Months", supplier="Storage provider",
        ),
        "egress": Product(
            "Data sent out", "Data transfer", "Networking", "Other (Networking)", "Data transfer out", "egress", "GB", "GB",
            supplier="Network provider",
        ),
        "retraining_gpu": replace(_JOB, words="GPU-hours rented for retraining"),
        "retraining_vendor": replace(_JOB, words="Retraining at a vendor's tuning service"),
    }
)  # fmt: skip
_OWNED = replace(_GPU, service="Own GPUs", subcategory="Other (Compute)", supplier="On premises", pricing_category="Other")


def product_of(line: str, purchase: str) -> Product:
    """What a line is; how it is bought decides how it is priced."""
    found = _PRODUCTS.get(line)
    if found is None:
        words = line.replace("_", " ")
        return Product(words, words, "Other", "Other (Other)", words, line, supplier="Other supplier", bought="Units")
    if purchase == ON_PREMISES and found.service == _GPU.service:
        return replace(_OWNED, words=found.words)
    if purchase in ("spot", "marketplace"):
        return replace(found, pricing_category="Dynamic")
    return found
