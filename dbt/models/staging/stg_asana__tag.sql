{{ asana_airbyte.staged('tags', {
  'gid': 'text',
  'name': 'text',
  'color': 'text',
  'notes': 'text',
  'permalink_url': 'text',
  'created_at': 'time',
  'workspace': 'json',
  'followers': 'json'
}) }}
