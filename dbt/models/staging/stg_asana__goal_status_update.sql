{{ asana_airbyte.staged('goal_status_updates', asana_airbyte.status_update_columns(), renamed={'parent_id': 'goal_id', 'status_text': 'text'}) }}
