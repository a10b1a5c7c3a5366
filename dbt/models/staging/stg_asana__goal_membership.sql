{{ asana_airbyte.staged('goal_memberships', {
  'gid': 'text',
  'goal_id': 'text',
  'member': 'json',
  'role': 'text',
  'access_level': 'text'
}) }}
