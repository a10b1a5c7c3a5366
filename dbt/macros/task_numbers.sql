{#- Numbers of the tasks that hang on something: names, and the sums over `tasks`, which has their facts. -#}
{% macro task_numbers() %}
  {{ return({
    'task_count': 'count(*)',
    'open_task_count': 'sum(case when tasks.completed then 0 else 1 end)',
    'completed_task_count': 'sum(case when tasks.completed then 1 else 0 end)',
    'overdue_task_count': 'sum(case when tasks.is_overdue then 1 else 0 end)',
    'blocked_task_count': 'sum(case when tasks.is_blocked then 1 else 0 end)',
    'reassigned_task_count': 'sum(case when tasks.reassigned_count > 0 then 1 else 0 end)',
    'average_days_open': 'avg(' ~ asana_airbyte.as_kind('tasks.days_open', 'number') ~ ')',
    'average_days_to_close': 'avg(' ~ asana_airbyte.as_kind('tasks.days_to_close', 'number') ~ ')'
  }) }}
{% endmacro %}


{#- Those columns from the relation `numbers`; counts are zero where it has no row. -#}
{% macro task_number_columns() %}
  {%- for name in asana_airbyte.task_numbers() %}
  {{ 'numbers.' ~ name if name.startswith('average') else 'coalesce(numbers.' ~ name ~ ', 0) as ' ~ name }},
  {%- endfor %}
{% endmacro %}


{#- The sums. -#}
{% macro task_number_sums() %}
  {%- for name, sum in asana_airbyte.task_numbers().items() %}
    {{ sum }} as {{ name }}{{ ',' if not loop.last }}
  {%- endfor %}
{% endmacro %}
