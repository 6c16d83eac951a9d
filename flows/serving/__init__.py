"""Running papers as a service: servers, work pools, workers, and all papers spread over workers."""
