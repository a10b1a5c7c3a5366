{{ asana_airbyte.staged('teams', {
  'gid': 'text',
  'name': 'text',
  'description': 'text',
  'visibility': 'text',
  'permalink_url': 'text',
  'workspace_id': 'text',
  'organization': 'json'
}) }}
