{{ asana_airbyte.staged('portfolio_memberships', {
  'gid': 'text',
  'portfolio_id': 'text',
  'access_level': 'text',
  'member': 'json'
}) }}
