{{ asana_airbyte.staged('users', {
  'gid': 'text',
  'name': 'text',
  'email': 'text'
}) }}
