{{ asana_airbyte.staged('portfolio_items', {
  'portfolio_id': 'text',
  'gid': 'text',
  'name': 'text',
  'resource_type': 'text'
}, key=['portfolio_id', 'gid']) }}
