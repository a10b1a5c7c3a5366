{{ asana_airbyte.staged('goals', {
  'gid': 'text',
  'name': 'text',
  'notes': 'text',
  'status': 'text',
  'is_workspace_level': 'boolean',
  'liked': 'boolean',
  'num_likes': 'integer',
  'due_on': 'date',
  'start_on': 'date',
  'owner': 'json',
  'team': 'json',
  'time_period': 'json',
  'workspace': 'json',
  'custom_fields': 'json',
  'metric': 'json'
}, custom=asana_airbyte.custom_columns(['goals'])) }}
