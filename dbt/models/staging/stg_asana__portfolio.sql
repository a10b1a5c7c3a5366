{{ asana_airbyte.staged('portfolios', {
  'gid': 'text',
  'name': 'text',
  'color': 'text',
  'permalink_url': 'text',
  'archived': 'boolean',
  'public': 'boolean',
  'due_on': 'date',
  'start_on': 'date',
  'created_at': 'time',
  'owner': 'json',
  'created_by': 'json',
  'workspace': 'json',
  'custom_fields': 'json',
  'current_status_update': 'json'
}, custom=asana_airbyte.custom_columns(['portfolios'])) }}
