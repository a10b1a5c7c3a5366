{{ asana_airbyte.staged('portfolio_status_updates', asana_airbyte.status_update_columns(), renamed={'parent_id': 'portfolio_id', 'status_text': 'text'}) }}
