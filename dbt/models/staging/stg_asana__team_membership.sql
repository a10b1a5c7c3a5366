{{ asana_airbyte.staged('team_memberships', {
  'gid': 'text',
  'team_id': 'text',
  'is_admin': 'boolean',
  'is_guest': 'boolean',
  'is_limited_access': 'boolean',
  'member_user': 'json'
}, renamed={'member_user': 'user'}) }}
