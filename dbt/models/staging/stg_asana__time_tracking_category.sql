{{ asana_airbyte.staged('time_tracking_categories', {
  'gid': 'text',
  'name': 'text',
  'color': 'text',
  'is_archived': 'boolean',
  'workspace_id': 'text'
}) }}
