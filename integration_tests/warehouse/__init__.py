"""The dbt package on real warehouses: `make test-warehouse`."""
