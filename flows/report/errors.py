"""What can be wrong with the report's inputs."""


class ReportError(ValueError):
    """The report could not be made; the message names the file, the place in it and what to do."""


class ClaimsError(ReportError):
    """A claims.yaml is missing, not valid YAML, or breaks its schema."""


class MeasurementError(ReportError):
    """A claims.json is missing, breaks its schema, or lacks a measurement that a test names."""


class ResultsError(ReportError):
    """Metrics, figures, tables or their captions are missing or broken."""


class ProvenanceError(ReportError):
    """A provenance record is missing, breaks its schema, or belongs to another profile."""


class BenchmarkError(ReportError):
    """A benchmark's record breaks its schema or contradicts itself."""


class RegistrationError(ReportError):
    """A registered test changed without an amendment that says why."""


class ReadmeError(ReportError):
    """README.md cannot take the results table."""
