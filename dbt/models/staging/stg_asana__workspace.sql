{{ asana_airbyte.staged('workspaces', {
  'gid': 'text',
  'name': 'text',
  'is_organization': 'boolean'
}) }}
