{{ asana_airbyte.staged('project_status_updates', asana_airbyte.status_update_columns(), renamed={'parent_id': 'project_id', 'status_text': 'text'}) }}
