{{ asana_airbyte.staged('project_memberships', {
  'gid': 'text',
  'project_id': 'text',
  'access_level': 'text',
  'member': 'json'
}) }}
