{{ asana_airbyte.staged('budgets', {
  'gid': 'text',
  'project_id': 'text',
  'budget_type': 'text',
  'total': 'json',
  'estimate': 'json',
  'actual': 'json'
}) }}
