"""The steps of CoMMIT: data, pretrained parts, searches of rates, tuning by every method, ablations, verdicts."""
